"""Speak to a device over a line that carries bytes (docs/DEVICE.md; edge_runtime/src/link/ is the
other end).

    frame.py       a body and its checksum between zeros, in COBS
    line.py        what carries bytes
    serial_line.py  a serial port
    messages.py    requests, results, and the payloads of both
    client.py      asks until the device has answered
    choice.py      what learns on a device
    recordings.py  frames of a sensor, for a device with a front end of its own
    steps.py       each sample learnt once, whatever happens to the device
    device.py      a device: info, self-test, predict, learn, commit, state out and in
"""
