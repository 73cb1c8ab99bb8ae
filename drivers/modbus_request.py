"""One question as a call of the library's client, which `modbus_link` has opened.

It must not know the library, a connection or what a value means.
"""

from typing import Any

from drivers.modbus_guard import Question


async def request(client: Any, question: Question) -> Any:
    """The library's answer to one question."""
    address, count, unit = question.address, question.count, question.unit
    match question.function:
        case 1:
            return await client.read_coils(address, count=count, device_id=unit)
        case 2:
            return await client.read_discrete_inputs(address, count=count, device_id=unit)
        case 3:
            return await client.read_holding_registers(address, count=count, device_id=unit)
        case 4:
            return await client.read_input_registers(address, count=count, device_id=unit)
        case 5:
            return await client.write_coil(address, question.value, device_id=unit)
        case 6:
            return await client.write_register(address, question.words[0], device_id=unit)
        case _:
            return await client.write_registers(address, list(question.words), device_id=unit)
