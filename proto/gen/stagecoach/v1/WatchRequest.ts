// Original file: proto/stagecoach/v1/cluster.proto


export interface WatchRequest {
}

export interface WatchRequest__Output {
}
