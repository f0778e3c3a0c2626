// Original file: proto/stagecoach/v1/stage.proto


/**
 * A time of alpha + beta * rows, in milliseconds.
 */
export interface LinearTime {
  'alphaMs'?: (number | string);
  'betaMs'?: (number | string);
}

/**
 * A time of alpha + beta * rows, in milliseconds.
 */
export interface LinearTime__Output {
  'alphaMs': (number);
  'betaMs': (number);
}
