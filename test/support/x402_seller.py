"""Sells with FastAPI and the official middleware; Bursar is its facilitator. In: one line of JSON on stdin. Out: its URL, then it serves."""

import asyncio
import json
import socket
import sys

import httpx
import uvicorn
from fastapi import FastAPI, Request
from x402 import AssetAmount, x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient, PaymentOption, RouteConfig
from x402.http.middleware.fastapi import payment_middleware
from x402.mechanisms.evm.exact import register_exact_evm_server

terms = json.loads(sys.stdin.readline())
facilitator = f"{terms['bursar']}/x402"
usdc = httpx.get(f"{facilitator}/supported").json()["assets"][0]


def priced(pay_to):
    extra = {"name": usdc["name"], "version": usdc["version"]}
    price = AssetAmount(amount="10000", asset=usdc["address"], extra=extra)
    return RouteConfig(PaymentOption(scheme="exact", network=usdc["network"], pay_to=pay_to, price=price))


server = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(url=facilitator)))
register_exact_evm_server(server)
app = FastAPI()
routes = {"/page": priced(terms["pay_to"]), "GET /elsewhere": priced(terms["outsider"])}
app.middleware("http")(payment_middleware(routes, server))
runs = {"page": 0, "elsewhere": 0}


@app.get("/page")
async def page():
    runs["page"] += 1
    return {"page": "python"}


@app.post("/page")
async def posted(request: Request):
    runs["page"] += 1
    return {"page": (await request.json())["page"]}


@app.get("/elsewhere")
async def elsewhere():
    runs["elsewhere"] += 1
    return {}


@app.get("/runs")
async def ran():
    return runs


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    await uvicorn.Server(uvicorn.Config(app, log_level="error")).serve(sockets=[listener])


asyncio.run(main())
