"""The bare routes: Flask and nothing else, with the bytes that Placard sends."""

import os
from pathlib import Path

import requests
from flask import Flask, Response

app = Flask(__name__)
SESSION = requests.Session()
BODY = Path(os.environ["BENCH_BODY"]).read_bytes()


@app.get("/widget")
def show() -> Response:
    """Answer with a constant."""
    return Response(BODY, mimetype="application/json")


@app.get("/fetch/<int:number>")
def fetch(number: int) -> Response:
    """Ask the upstream for a resource, and answer with a constant."""
    SESSION.get(f"{os.environ['BENCH_UPSTREAM']}/repos/{number}", timeout=30).raise_for_status()
    return Response(BODY, mimetype="application/json")
