/** A product's weights as floats, row by row, in the layout of a dense product. */
export interface WeightRows {
  /** `[rows, rowLength]` is `[inputs, outputs]`, or the other way round where it is `transposed`. */
  readonly rows: number;
  readonly rowLength: number;
  readonly transposed: boolean;
  /** Rows are read from a multiple of this on, so many of them or a multiple of it; fewer only at the end. */
  readonly step: number;
  /** Rows `[first, first + count)`, each weight the nearest f32 to what is stored. */
  read(first: number, count: number): Promise<Float32Array>;
}
