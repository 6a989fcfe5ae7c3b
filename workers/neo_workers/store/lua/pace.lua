-- ARGV: [name, ms]...   Sets the pace and has every waiting job announced again, for its claim to be judged anew.
for i = 1, #ARGV, 2 do redis.call('HSET', PACE, ARGV[i], ARGV[i + 1]) end
for _, id in ipairs(redis.call('ZRANGE', QUEUE, 0, -1)) do redis.call('ZADD', QUEUE, 0, id) end
return redis.call('HGETALL', PACE)
