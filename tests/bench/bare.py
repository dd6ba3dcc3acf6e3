"""The bare route: Flask and nothing else, with the bytes that Placard sends."""

import os
from pathlib import Path

from flask import Flask, Response

app = Flask(__name__)
BODY = Path(os.environ["BENCH_BODY"]).read_bytes()


@app.get("/widget")
def show() -> Response:
    """Answer with a constant."""
    return Response(BODY, mimetype="application/json")
