-- Shared by every script. Keys are built from ids ("account:region:name"), so the store needs one Redis, not a cluster.
-- NEXT, the table of legal transitions, is generated from neo_workers.jobs.TRANSITIONS and stands above this line.
local TIME = redis.call('TIME')
local NOW_MS = TIME[1] * 1000 + math.floor(TIME[2] / 1000)
local NOW_US = TIME[1] * 1000000 + TIME[2]
local QUEUE, LEASE, FENCE = 'neo:queue', 'neo:lease', 'neo:fence'
local PACE, FAULTS, EVENTS = 'neo:pace', 'neo:faults', 'neo:events' -- see controls.py and feed.py
local WITHDRAW, SCOPES = 'neo:withdraw', 'neo:scopes' -- see withdrawal.py and metrics.py

local ARTIFACTS = 'neo:artifacts' -- address -> how many COMPLETED jobs have their artifact there

local function int(number) return string.format('%.0f', number) end
local function job_key(id) return 'neo:job:' .. id end
local function split(id) return id:match('^(.*):([^:]+)$') end -- scope, name
local function status_of(id) return redis.call('HGET', job_key(id), 'status') end
local function created_key(scope) return 'neo:' .. scope .. ':created' end
local function name_key(scope) return 'neo:' .. scope .. ':name' end
local function names_key(scope) return 'neo:' .. scope .. ':names' end -- one text, see page.lua
local function modified_key(scope) return 'neo:' .. scope .. ':modified' end
local function status_key(scope, status) return 'neo:' .. scope .. ':status:' .. status end

-- Whole seconds like the service's own times, but never before the job's CreationTime, which has milliseconds.
local function stamp_ms(created_ms)
  return math.max(math.floor(NOW_MS / 1000), math.ceil(created_ms / 1000)) * 1000
end

-- Every holder of a job gets a larger number than any before, also after the store was emptied.
local function next_fence()
  local fence = math.max(tonumber(redis.call('GET', FENCE) or '0') + 1, NOW_US)
  redis.call('SET', FENCE, int(fence))
  return int(fence)
end

local function enqueue(id, announced_ms)
  redis.call('ZREM', LEASE, id)
  redis.call('ZADD', QUEUE, int(announced_ms), id)
end

-- Tells the feed of status changes; the oldest are dropped.
local function tell(id, status, stamp)
  redis.call('XADD', EVENTS, 'MAXLEN', '~', 10000, '*', 'id', id, 'status', status, 'at', stamp)
end

-- A job that has ended and not completed may have left an artifact: it is to be taken away.
local function withdraw(id)
  local uri, uploaders = unpack(redis.call('HMGET', job_key(id), 'upload_uri', 'uploaders'))
  for fence in (uploaders or ''):gmatch('%d+') do
    redis.call('HSET', WITHDRAW, id .. ':' .. fence, int(NOW_MS) .. ' ' .. uri)
  end
end

-- The only place that changes a status. Returns false, and changes nothing, when the pair is not legal.
local function move(id, new)
  local key, scope, name = job_key(id), split(id)
  local old, created = unpack(redis.call('HMGET', key, 'status', 'created_ms'))
  if not (old and NEXT[old][new]) then return false end
  local now = int(stamp_ms(tonumber(created)))
  redis.call('HSET', key, 'status', new, 'modified_ms', now)
  redis.call('ZADD', modified_key(scope), now, name)
  redis.call('ZREM', status_key(scope, old), name)
  redis.call('ZADD', status_key(scope, new), created, name)
  redis.call('RPUSH', 'neo:history:' .. id, new)
  tell(id, new, now)
  redis.call('ZREM', QUEUE, id)
  if new == 'INPROGRESS' then redis.call('HSETNX', key, 'started_ms', now) end
  if next(NEXT[new]) == nil then -- terminal
    redis.call('ZREM', LEASE, id)
    redis.call('HSET', key, 'ended_ms', now)
    redis.call('HINCRBY', key, 'commits', 1)
    if new ~= 'COMPLETED' then withdraw(id) end
  end
  return true
end

-- Whether the caller still holds the job.
local function holds(id, fence)
  local status = status_of(id)
  return redis.call('HGET', job_key(id), 'fence') == fence and (status == 'INPROGRESS' or status == 'STOPPING')
end
