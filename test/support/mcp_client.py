"""Calls tools with the official MCP Python SDK. In: where, mode and calls, as JSON on stdin. Out: what came back."""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


def transport(where):
    if "url" in where:
        return streamable_http_client(where["url"], http_client=httpx2.AsyncClient(headers=where["headers"], timeout=60))
    return stdio_client(StdioServerParameters(command=where["command"], args=where["args"], env=where["env"]))


async def main():
    asked = json.load(sys.stdin)
    async with Client(transport(asked["where"]), mode=asked["mode"]) as client:
        listed = await client.list_tools()
        results = []
        for name, arguments in asked["calls"]:
            result = await client.call_tool(name, arguments)
            results.append(result.model_dump(mode="json", by_alias=True, exclude_none=True))
        print(json.dumps({"tools": [tool.name for tool in listed.tools], "results": results}))


asyncio.run(main())
