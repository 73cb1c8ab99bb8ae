"""What a running controller tells of its own configuration: its legend, and its batteries with their stages.

So that who asks need not compile the site file, and sees what is in force instead of a draft. It must not decide.
"""

from collections.abc import Awaitable, Callable, Mapping

from config.compile import Floor
from config.legend import arrange
from config.stages import planned_stages
from config.texts import LANGUAGES, load_texts
from firmware_py.core.codec import encode
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.board import Json

Fields = Mapping[str, object]


def verbs(floor: Callable[[], Floor]) -> Mapping[str, Callable[[str, Fields], Awaitable[Json]]]:
    """For the control socket. `floor` gives what runs at the moment."""

    async def legend(by: str, fields: Fields) -> Json:
        language = fields.get("language") or floor().site.site.language
        if language not in LANGUAGES:
            raise CommandRefused(f"there are texts in {' and '.join(LANGUAGES)} only")
        return encode(arrange(floor(), load_texts(str(language)), str(language)))

    async def batteries(by: str, fields: Fields) -> Json:
        told = {
            "batteries": tuple(floor().plan.batteries.values()),
            "stages": tuple(planned_stages(floor().site.stage)),
        }
        return encode(told)

    return {"legend": legend, "batteries": batteries}
