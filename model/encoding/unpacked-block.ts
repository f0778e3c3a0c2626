/** What one stored block holds, taken apart: `weight = scale · level + minimum`, scale and minimum a group. */
export interface UnpackedBlock {
  /** `[blockElements]` integers. */
  readonly levels: Int8Array;
  /** `[blockElements / groupSize]` */
  readonly scales: Float32Array;
  /** `[blockElements / groupSize]`; zeros where the encoding has no minima. */
  readonly minima: Float32Array;
}
