// Original file: proto/stagecoach/v1/cluster.proto


/**
 * How busy a process's event loop is.
 */
export interface EventLoop {
  /**
   * Share of the last second in which it did not wait, 0 to 1.
   */
  'utilization'?: (number | string);
  /**
   * Time since the process's start in which it did not wait.
   */
  'activeMs'?: (number | string);
}

/**
 * How busy a process's event loop is.
 */
export interface EventLoop__Output {
  /**
   * Share of the last second in which it did not wait, 0 to 1.
   */
  'utilization': (number);
  /**
   * Time since the process's start in which it did not wait.
   */
  'activeMs': (number);
}
