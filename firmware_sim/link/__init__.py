"""Speak to a device over a line that carries bytes (docs/DEVICE.md; edge_runtime/src/link/ is the
other end).

    frame.py       a body and its checksum between zeros, in COBS
    line.py        what carries bytes
    serial_line.py  a serial port
    messages.py    requests, results, and the payloads of both
    client.py      asks until the device has answered
    device.py      a device: info, self-test, predict, learn, commit, state out and in
"""
