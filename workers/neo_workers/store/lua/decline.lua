-- ARGV: id, announce-at ms from now.   Has a job that nobody took announced again then: the caller may not take it.
redis.call('ZADD', QUEUE, 'XX', int(NOW_MS + ARGV[2]), ARGV[1])
return 1
