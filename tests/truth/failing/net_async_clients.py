# case: net_async_clients
# packages: aiohttp, httpx
# shows: asynchronous clients, alone and in groups
# env: SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# conditions: offline container
# cause.test_open_connection: library=-|asyncio dimension=network
# cause.test_getaddrinfo: library=-|asyncio|socket dimension=network
# cause.test_aiohttp_gather: library=aiohttp dimension=network
# cause.test_task_group: library=aiohttp|- dimension=network
# cause.test_httpx_retries: library=httpx|httpcore dimension=network
# cause.test_wait_for: library=-|asyncio|httpx|httpcore dimension=network
# cause.test_gather_exceptions: library=aiohttp|- dimension=network
import asyncio
import ssl

import aiohttp
import httpx

URL = "https://pypi.org/simple/six/"


async def page(url):
    tls = ssl.create_default_context()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
        async with session.get(url, ssl=tls) as answer:
            return await answer.text()


def test_open_connection():
    async def go():
        _, writer = await asyncio.open_connection("pypi.org", 443)
        writer.close()

    asyncio.run(go())


def test_getaddrinfo():
    async def go():
        return await asyncio.get_running_loop().getaddrinfo("pypi.org", 443)

    assert asyncio.run(go())


def test_aiohttp_gather():
    async def go():
        return await asyncio.gather(page(URL), page(URL))

    assert len(asyncio.run(go())) == 2


def test_task_group():
    async def go():
        async with asyncio.TaskGroup() as group:
            group.create_task(page(URL))
            group.create_task(asyncio.sleep(0))

    asyncio.run(go())


def test_httpx_retries():
    async def go():
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=1)) as client:
            return await client.get(URL, timeout=5)

    assert asyncio.run(go()).status_code == 200


def test_wait_for():
    async def go():
        async with httpx.AsyncClient() as client:
            return await asyncio.wait_for(client.get(URL), 10)

    assert asyncio.run(go()).status_code == 200


def test_gather_exceptions():
    async def go():
        return await asyncio.gather(page(URL), return_exceptions=True)

    results = asyncio.run(go())
    assert not [result for result in results if isinstance(result, Exception)], results
