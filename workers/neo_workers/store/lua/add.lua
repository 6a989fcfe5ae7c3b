-- ARGV: id, token, request, most active jobs or 0, [tag key, tag value]...
-- Returns {fence, created ms, modified ms}, 0 when the name is taken, 1 when the scope has as many active jobs as it may.
-- The token makes a second try of the same call, after its answer was lost, come out like the first.
local id = ARGV[1]
local key, scope, name = job_key(id), split(id)
if redis.call('EXISTS', key) == 1 then
  local token, fence, made, modified = unpack(redis.call('HMGET', key, 'token', 'fence', 'created_ms', 'modified_ms'))
  return token == ARGV[2] and { fence, made, modified } or 0
end

local function active()
  local count = 0
  for status, following in pairs(NEXT) do
    if next(following) ~= nil then count = count + redis.call('ZCARD', status_key(scope, status)) end
  end
  return count
end
if tonumber(ARGV[4]) > 0 and active() >= tonumber(ARGV[4]) then return 1 end

-- The reason of the first planned fault that is meant for this name; it is used up by one.
local function fault()
  for position, text in ipairs(redis.call('LRANGE', FAULTS, 0, -1)) do
    local planned = cjson.decode(text)
    if name:find(planned.pattern) then
      planned.count = planned.count - 1
      redis.call('LSET', FAULTS, position - 1, planned.count > 0 and cjson.encode(planned) or 'spent')
      redis.call('LREM', FAULTS, 1, 'spent')
      return planned.reason
    end
  end
  return ''
end

local created, modified, fence = int(NOW_MS), int(stamp_ms(NOW_MS)), next_fence()
redis.call('HSET', key, 'token', ARGV[2], 'request', ARGV[3], 'status', 'STARTING', 'fence', fence, 'attempt', 0,
  'created_ms', created, 'modified_ms', modified, 'fault', fault())
redis.call('SADD', SCOPES, scope)
redis.call('ZADD', created_key(scope), created, name)
redis.call('ZADD', name_key(scope), 0, name)
redis.call('ZADD', modified_key(scope), modified, name)
if redis.call('ZCARD', created_key(scope)) == 1 then
  redis.call('SET', names_key(scope), '\n' .. name .. '\n')
elseif redis.call('EXISTS', names_key(scope)) == 1 then
  redis.call('APPEND', names_key(scope), name .. '\n')
end
redis.call('ZADD', status_key(scope, 'STARTING'), created, name)
redis.call('DEL', 'neo:history:' .. id, 'neo:tags:' .. id)
redis.call('RPUSH', 'neo:history:' .. id, 'STARTING')
tell(id, 'STARTING', modified)
for i = 5, #ARGV, 2 do redis.call('HSET', 'neo:tags:' .. id, ARGV[i], ARGV[i + 1]) end
enqueue(id, NOW_MS)
return { fence, created, modified }
