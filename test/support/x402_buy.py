"""Buys with the official client and a bare key. In: keys with what each buys, as JSON on stdin. Out: what came back."""

import asyncio
import json
import sys

from eth_account import Account
from x402 import x402Client, x402ClientSync
from x402.http import decode_payment_required_header, decode_payment_response_header
from x402.http.clients import x402_requests, x402HttpxClient
from x402.mechanisms.evm.exact import register_exact_evm_client


def paying(client, key):
    register_exact_evm_client(client, Account.from_key(key))
    return client.set_spend_controls(False)  # its own bounds know no local token


async def by_httpx(key, url):
    async with x402HttpxClient(paying(x402Client(), key), timeout=60) as http:
        return await http.get(url)


def by_requests(key, url):
    with x402_requests(paying(x402ClientSync(), key)) as session:
        return session.get(url, timeout=60)


async def main():
    results = []
    for client, key, url in json.load(sys.stdin):
        response = await by_httpx(key, url) if client == "httpx" else by_requests(key, url)
        header = response.headers.get("payment-response")
        receipt = decode_payment_response_header(header).model_dump(by_alias=True) if header else None
        offer = response.headers.get("payment-required")
        refused = decode_payment_required_header(offer).error if offer else None
        results.append({"status": response.status_code, "text": response.text, "receipt": receipt, "refused": refused})
    print(json.dumps(results))


asyncio.run(main())
