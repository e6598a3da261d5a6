"""The plan of Poisson arrivals worked out a second time, from the published generators: splitmix64 and xoshiro256++ (Blackman
and Vigna, 2019), gaps by inversion."""
import math

ALL = 2**64 - 1
ARRIVALS = int.from_bytes(b"arrivals", "big")


def splitmix64(state):
    """(next state, output)"""
    state = (state + 0x9E3779B97F4A7C15) & ALL
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & ALL
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & ALL
    return state, z ^ (z >> 31)


def rotl(x, k):
    return (x << k | x >> (64 - k)) & ALL


def uniforms(seed, stream):
    """Numbers in [0, 1), without end."""
    _, walk = splitmix64(splitmix64(seed)[1] ^ stream)
    s = []
    for _ in range(4):
        walk, out = splitmix64(walk)
        s.append(out)
    while True:
        yield ((rotl((s[0] + s[3]) & ALL, 23) + s[0] & ALL) >> 11) / 2**53
        t = s[1] << 17 & ALL
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)


def poisson(seed, per_s, seconds):
    """When each arrival is due, in s."""
    at, due = 0.0, []
    for u in uniforms(seed, ARRIVALS):
        at -= math.log(1 - u) / per_s
        if at >= seconds:
            return due
        due.append(at)
