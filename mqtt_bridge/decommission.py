"""The end of a site: every retained topic that its controller ever wrote is emptied.

A connection of its own, under the site's name: the controller must be stopped. It must not know where the topics were
remembered.
"""

from collections.abc import Iterable

from mqtt_bridge.dialler import Dialler
from mqtt_bridge.messages import Message
from mqtt_bridge.settings import Bridge
from mqtt_bridge.topics import Topics, is_own_topic


def own_topics(settings: Bridge, remembered: Iterable[str]) -> tuple[str, ...]:
    """The remembered ones that are truly ours, and those that a controller always has."""
    topics = Topics(site=settings.site, root=settings.root)
    always = {topics.status, topics.info, topics.state} | ({topics.discovery} if settings.discovery else set())
    return tuple(sorted(always.union(filter(is_own_topic, remembered))))


async def empty_topics(settings: Bridge, topics: Iterable[str]) -> dict[str, str]:
    """Empty each, the status last; topic -> why the broker refuses, "" where it did not. Raises DeviceError."""
    status = Topics(site=settings.site, root=settings.root).status
    # A retained will that is empty leaves nothing behind, should the line break meanwhile.
    session = await Dialler(settings.broker, settings.site).connect(Message(topic=status, payload=b"", retain=True))
    try:
        order = sorted(topics, key=lambda topic: (topic == status, topic))
        return {topic: await session.publish(Message(topic=topic, payload=b"", retain=True)) for topic in order}
    finally:
        await session.close()
