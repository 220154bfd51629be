"""Buys with nothing but an agent's key: Bursar decides and signs. In: where, and what to buy, as JSON on stdin. Out: what came back."""

import asyncio
import hashlib
import json
import sys

import httpx
from x402 import x402Client
from x402.http import decode_payment_response_header
from x402.http.clients import x402HttpxClient
from x402.http.clients.httpx import PaymentError
from x402.http.x402_http_client import x402HTTPClient
from x402.schemas.hooks import PaymentRequiredHeadersResult


class Bursar:
    def __init__(self, url, key):
        self._http = httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60)

    async def sign(self, **request):
        answer = await self._http.post("/v1/x402/payments", json=request)
        answer.raise_for_status()
        return answer.json()

    async def report(self, payment, response):
        header = response.headers.get("payment-response")
        body = {"status": response.status_code, "payment_response": header}
        answer = await self._http.post(f"/v1/x402/payments/{payment}/report", json=body)
        return answer.json()["outcome"]


async def plainly(bursar, method, url, body):
    """Any HTTP client: the offer goes to Bursar, the signature comes back, the request is sent once more."""
    async with httpx.AsyncClient(timeout=60) as http:
        unpaid = await http.request(method, url, content=body)
        signed = await bursar.sign(
            url=url,
            method=method,
            body_sha256=hashlib.sha256(body.encode()).hexdigest() if body else None,
            payment_required=unpaid.headers["payment-required"],
        )
        if signed["payment_signature"] is None:
            return {"payment": signed, "status": unpaid.status_code, "text": "", "outcome": None}
        headers = {"payment-signature": signed["payment_signature"]}
        paid = await http.request(method, url, content=body, headers=headers)
        return {"payment": signed, **shown(paid), "outcome": await bursar.report(signed["id"], paid)}


async def by_hook(bursar, method, url, body):
    """The official client by its own hook: no scheme is registered in it, so it cannot sign anything itself."""
    signed = None

    async def ask(context):
        nonlocal signed
        offer = context.payment_required.model_dump(mode="json", by_alias=True, exclude_none=True)
        signed = await bursar.sign(url=context.request_url, method=method, payment_required=offer)
        if signed["payment_signature"] is None:
            return None
        return PaymentRequiredHeadersResult(headers={"PAYMENT-SIGNATURE": signed["payment_signature"]})

    client = x402HTTPClient(x402Client()).on_payment_required(ask)
    async with x402HttpxClient(client, timeout=60) as http:
        try:
            response = await http.request(method, url)
        except PaymentError as error:
            return {"payment": signed, "status": 402, "text": str(error), "outcome": None}
        return {"payment": signed, **shown(response), "outcome": await bursar.report(signed["id"], response)}


def shown(response):
    receipt = decode_payment_response_header(response.headers["payment-response"]).model_dump(by_alias=True)
    return {"status": response.status_code, "text": response.text, "receipt": receipt}


async def main():
    asked = json.load(sys.stdin)
    bursar = Bursar(asked["bursar"], asked["key"])
    ways = {"plain": plainly, "hook": by_hook}
    print(json.dumps([await ways[way](bursar, *what) for way, *what in asked["buys"]]))


asyncio.run(main())
