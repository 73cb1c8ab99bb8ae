"""The site's [mqtt] as the bridge wants it.

Reads the password now and certificates never: the bridge does, at each connect. It must not open a connection.
"""

from collections.abc import Mapping

from config.model_mqtt import Mqtt
from config.model_site import Site
from config.secrets import read_secret
from mqtt_bridge.settings import Bridge, Broker, MqttVersion, Tls


def bridge_settings(site: Site, environ: Mapping[str, str]) -> Bridge:
    """ConfigError when the password cannot be read."""
    mqtt = site.mqtt
    assert mqtt is not None
    tls = mqtt.tls
    return Bridge(
        site=site.site.id,
        root=mqtt.base,
        broker=Broker(
            host=mqtt.host,
            port=mqtt.broker_port,
            version=MqttVersion(mqtt.version.value),
            username=mqtt.username or "",
            password="" if mqtt.password_file is None else read_secret(mqtt.password_file, environ).reveal(),
            tls=None if tls is None else Tls(ca=tls.ca_file or "", cert=tls.cert_file or "", key=tls.key_file or ""),
            keep_alive_ms=mqtt.keepalive_ms,
            window=mqtt.inflight + 4,  # state and alarms keep their places beside a full window of events
        ),
        state_every_ms=mqtt.heartbeat_ms,
        event_window=mqtt.inflight,
        senders=_senders(mqtt),
        discovery=mqtt.discovery,
        tele_ms=mqtt.tele_ms,
    )


def _senders(mqtt: Mqtt) -> Mapping[str, frozenset[str]]:
    """Who may order what; a sender that is named twice may do both."""
    allowed: dict[str, frozenset[str]] = {}
    for sender in mqtt.commands.sender if mqtt.commands.enabled else ():
        allowed[sender.by] = allowed.get(sender.by, frozenset()) | {order.value for order in sender.may}
    return allowed
