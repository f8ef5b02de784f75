-- For wrk: sends the bodies of a file in turn, a line each, and writes what came of it as JSON.
-- A body may hold @UNIQUE-NUMBER@, which becomes another text of this length each time.
local requests, at, sent = {}, 0, 0
local run = os.getenv("BENCH_RUN")
local unique = false

function init()
  local headers = {["Content-Type"] = "application/json", ["Authorization"] = os.getenv("BENCH_AUTHORIZATION")}
  for body in io.lines(os.getenv("BENCH_BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
    unique = unique or body:find("@UNIQUE-NUMBER@", 1, true) ~= nil
  end
end

function request()
  at = at % #requests + 1
  if not unique then return requests[at] end
  sent = sent + 1
  return (requests[at]:gsub("@UNIQUE%-NUMBER@", string.format("%s-%08d", run, sent)))
end

-- Looking into every answer takes wrk's time, so only while the server warms up.
if os.getenv("BENCH_LOOK") then
  function response(_, _, body)
    if body:find('"errors":[{', 1, true) then
      io.stderr:write(body:sub(1, 2000), "\n")
      os.exit(3)
    end
  end
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
