import { describe, expect, it } from "vitest";
import { createMetrics } from "./metrics.js";

function freshMetrics() {
  return createMetrics({ modelName: "m", processMetrics: false });
}

describe("createMetrics", () => {
  it("uses vLLM's names under our prefix, with the model's name on every series", async () => {
    const metrics = freshMetrics();
    metrics.setRequests(3, 2);
    metrics.setKvCacheUsage(0.25);
    metrics.countPromptTokens(7);
    metrics.observeTimeToFirstToken(0.03);
    metrics.observeRequest({ finishedReason: "stop", seconds: 0.4, promptTokens: 7, generationTokens: 5 });
    metrics.observeIteration(12, false);
    metrics.observeIteration(3, true);
    const text = await metrics.render();
    expect(text).toContain('stagecoach_iteration_tokens_total_count{model_name="m"} 2');
    expect(text).toContain('stagecoach_iterations_sent_ahead_total{model_name="m"} 1');
    expect(text).toContain('stagecoach_num_requests_running{model_name="m"} 3');
    expect(text).toContain('stagecoach_num_requests_waiting{model_name="m"} 2');
    expect(text).toContain('stagecoach_kv_cache_usage_perc{model_name="m"} 0.25');
    expect(text).toContain('stagecoach_prompt_tokens_total{model_name="m"} 7');
    expect(text).toMatch(/stagecoach_time_to_first_token_seconds_bucket\{le="0.05",model_name="m"\} 1/);
    expect(text).toMatch(/stagecoach_request_success_total\{finished_reason="stop",model_name="m"\} 1/);
  });

  it("shows lanes as they are now, and none that are gone", async () => {
    const metrics = freshMetrics();
    metrics.setLanes([
      { lane: 0, decodeRows: 8, prefillTokens: 0 },
      { lane: 1, decodeRows: 7, prefillTokens: 64 },
    ]);
    metrics.setCachedBlocks(12);
    metrics.countPrefixCache(100, 48);
    const text = await metrics.render();
    expect(text).toContain('stagecoach_lane_decode_rows{lane="1",model_name="m"} 7');
    expect(text).toContain('stagecoach_lane_prefill_tokens{lane="1",model_name="m"} 64');
    expect(text).toContain('stagecoach_kv_cache_cached_blocks{model_name="m"} 12');
    expect(text).toContain('stagecoach_prefix_cache_hits_total{model_name="m"} 48');
    metrics.setLanes([{ lane: 0, decodeRows: 1, prefillTokens: 0 }]);
    expect(await metrics.render()).not.toContain('lane="1"');
  });

  it("turns a stage's running totals into counters that survive its restart", async () => {
    const metrics = freshMetrics();
    metrics.setStageTimes(
      { stage: 0, worker: "w0" },
      { busyMs: 1000, waitInMs: 500, waitOutMs: 0, sendMs: 10 },
    );
    metrics.setStageTimes(
      { stage: 0, worker: "w0" },
      { busyMs: 1500, waitInMs: 500, waitOutMs: 0, sendMs: 10 },
    );
    metrics.setStageTimes(
      { stage: 0, worker: "w0" },
      { busyMs: 250, waitInMs: 600, waitOutMs: 0, sendMs: 1 },
    );
    const text = await metrics.render();
    expect(text).toMatch(/stagecoach_stage_busy_seconds_total\{stage="0",worker="w0",model_name="m"\} 1.75/);
    expect(text).toMatch(/stagecoach_stage_wait_in_seconds_total\{[^}]*\} 1.1\b/);
  });

  it("tells how busy event loops are, a worker's across its restart", async () => {
    const own = { utilization: 0.5, activeMs: 1_500 };
    const metrics = createMetrics({ modelName: "m", processMetrics: false, eventLoop: () => own });
    for (const activeMs of [2_000, 3_000, 250])
      metrics.setWorkerEventLoop("w0", { utilization: 0.125, activeMs });
    await metrics.render();
    own.activeMs = 1_750;
    const text = await metrics.render();
    expect(text).toMatch(/stagecoach_event_loop_utilization\{process="coordinator",[^}]*\} 0.5/);
    expect(text).toMatch(/stagecoach_event_loop_utilization\{process="worker",worker="w0",[^}]*\} 0.125/);
    expect(text).toMatch(/stagecoach_event_loop_active_seconds_total\{process="coordinator",[^}]*\} 1.75/);
    expect(text).toMatch(/stagecoach_event_loop_active_seconds_total\{[^}]*worker="w0"[^}]*\} 3.25/);
  });

  it("tells bubbles, lanes of replicas and the time with work under way", async () => {
    const metrics = freshMetrics();
    metrics.setStageBubble({ stage: 1, worker: "w1", replica: 2 }, 0.125);
    metrics.setInFlight(2);
    metrics.setInFlight(3.5);
    metrics.setLanes([{ lane: 1, replica: 2, decodeRows: 8, prefillTokens: 120 }]);
    const text = await metrics.render();
    expect(text).toMatch(/stagecoach_stage_bubble_share\{stage="1",worker="w1",replica="2",[^}]*\} 0.125/);
    expect(text).toMatch(/stagecoach_in_flight_seconds_total\{[^}]*\} 3.5/);
    expect(text).toMatch(/stagecoach_lane_decode_rows\{lane="1",replica="2",[^}]*\} 8/);
    expect(text).toMatch(/stagecoach_lane_prefill_tokens\{lane="1",[^}]*\} 120/);
  });
});
