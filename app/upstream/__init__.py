"""Everything that goes out to other systems.

    client.py             the one HTTP client: deadline, size limit, redirects, credentials
    messages.py           requests, answers and credentials
    verdict.py            what an answer means
    causes.py             why there was no answer, in words
    excerpt.py            of an answer too large to be kept, only what is shown
    lookups.py            values that an address needs and another address tells
    credentials.py        which credential goes with which request
    oauth.py              the clients that we are where people sign in, and their tokens
    token_requests.py     the requests for these
    policy.py             what is checked before each call, in this order:
      rate_limits.py        an origin that asked us to wait is not called
      circuit_breaker.py    an origin that keeps failing is not called for a while
      bulkhead.py           a bounded number of calls runs at a time
    concurrency.py        the limit that the bulkhead and the cache's single flight count
    retry.py              at most one more attempt
    transport.py          the connections: the deadline, name resolution, TLS
    address_guard.py      which addresses a connection may go to
    stand_ins.py          addresses that answer for others
    samples.py            recorded answers in place of the network
    wiring.py             makes the client, from the settings

Each worker process has its own state: rate limits, breakers and slots are not shared.
"""
