-- For wrk: sends the bodies of a file in turn, a line each, and writes what came of it as JSON.
local requests, at = {}, 0

function init()
  local headers = {["Content-Type"] = "application/json", ["Authorization"] = os.getenv("BENCH_AUTHORIZATION")}
  for body in io.lines(os.getenv("BENCH_BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local file = io.open(os.getenv("BENCH_RESULT"), "w")
  file:write(string.format(
    '{"requests":%d,"seconds":%f,"bytes":%d,"failed":%d,"p50_ms":%f,"p99_ms":%f}',
    summary.requests, summary.duration / 1e6, summary.bytes, failed,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
  file:close()
end
