// Original file: proto/stagecoach/v1/cluster.proto


export interface DrainReply {
}

export interface DrainReply__Output {
}
