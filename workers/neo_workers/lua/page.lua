-- Walks one sorted index from a cursor and returns the jobs that pass the filters.
-- ARGV: query as JSON (scope, sort_by, descending, limit, scan, name_contains, status, *_ms, after {status, created_ms, name}),
--       then the names of the fields wanted.
-- Returns {rows {name, field...}..., cursor or false}: the cursor is set when the scan limit was met before the end.
local query = cjson.decode(ARGV[1])
local fields = {}
for i = 2, #ARGV do fields[#fields + 1] = ARGV[i] end
local rows, scanned, after = {}, 0, query.after

local function at_most(value, limit) return limit == nil or value <= limit end
local function at_least(value, limit) return limit == nil or value >= limit end

local function wanted(name, created)
  if query.name_contains ~= '' and not name:find(query.name_contains, 1, true) then return false end
  if not (at_least(created, query.created_after_ms) and at_most(created, query.created_before_ms)) then return false end
  if not (query.modified_after_ms or query.modified_before_ms or query.status) then return true end
  local status, modified = unpack(redis.call('HMGET', job_key(query.scope .. ':' .. name), 'status', 'modified_ms'))
  modified = tonumber(modified)
  return (query.status == nil or status == query.status)
    and at_least(modified, query.modified_after_ms) and at_most(modified, query.modified_before_ms)
end

-- Position in the index of the first job behind the cursor. The cursor's own job need not exist any more.
local function first_rank(key, by_name)
  if by_name then
    if not after then return 0 end
    if query.descending then return redis.call('ZLEXCOUNT', key, '[' .. after[3], '+') end
    return redis.call('ZLEXCOUNT', key, '-', '[' .. after[3])
  end
  if query.descending then
    local top = after and after[2] or query.created_before_ms
    return top and redis.call('ZCOUNT', key, '(' .. int(top), '+inf') or 0
  end
  local bottom = math.max(after and after[2] or 0, query.created_after_ms or 0)
  return redis.call('ZCOUNT', key, '-inf', '(' .. int(bottom))
end

local function shown(name, created, by_name)
  if by_name or not after or created ~= after[2] then return false end
  if query.descending then return name >= after[3] end
  return name <= after[3]
end

local function past_the_end(created)
  if query.descending then return not at_least(created, query.created_after_ms) end
  return not at_most(created, query.created_before_ms)
end

-- Returns true when the whole index was walked, false when a limit was met.
local function walk(key, by_name, status)
  local rank, command = first_rank(key, by_name), query.descending and 'ZREVRANGE' or 'ZRANGE'
  while true do
    local chunk = redis.call(command, key, rank, rank + 499, 'WITHSCORES')
    for i = 1, #chunk, 2 do
      local name = chunk[i]
      local id = query.scope .. ':' .. name
      local created = tonumber(chunk[i + 1])
      if by_name then created = tonumber(redis.call('HGET', job_key(id), 'created_ms')) end
      if not by_name and past_the_end(created) then return true end
      scanned = scanned + 1
      if not shown(name, created, by_name) and wanted(name, created) then
        local row = redis.call('HMGET', job_key(id), unpack(fields))
        table.insert(row, 1, name)
        rows[#rows + 1] = row
      end
      if #rows >= query.limit or scanned >= query.scan then
        query.cursor = { status, int(created), name }
        return false
      end
    end
    if #chunk < 1000 then return true end
    rank = rank + 500
  end
end

local function walk_by_status()
  local order = { 'COMPLETED', 'FAILED', 'INPROGRESS', 'STARTING', 'STOPPED', 'STOPPING' }
  if query.descending then table.sort(order, function(a, b) return a > b end) end
  local begun = not after
  for _, status in ipairs(order) do
    if not begun and status == query.after[1] then
      begun = true
      if not walk(status_key(query.scope, status), false, status) then return false end
      after = nil
    elseif begun then
      if not walk(status_key(query.scope, status), false, status) then return false end
    end
  end
  return true
end

local done
if query.sort_by == 'Name' then
  done = walk(name_key(query.scope), true, '')
elseif query.sort_by == 'Status' and not query.status then
  done = walk_by_status()
else
  local key = query.status and status_key(query.scope, query.status) or created_key(query.scope)
  done = walk(key, false, query.status or '')
end
if done then return { rows, false } end
return { rows, query.cursor }
