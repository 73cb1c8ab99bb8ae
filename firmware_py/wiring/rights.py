"""The control socket's roles out of the site file. A group that this machine lacks is told and gives nobody a right.

It must not decide who may do what.
"""

import logging

from config.model_site import Site
from firmware_py.runtime.rights import Rights, Role, find_gid

log = logging.getLogger(__name__)


def control_rights(site: Site) -> Rights:
    """The roles that `[control]` names."""
    groups = {
        Role.VIEW: site.control.view,
        Role.OPERATE: site.control.operate,
        Role.CONFIGURE: site.control.configure,
    }
    for name in (name for names in groups.values() for name in names):
        if find_gid(name) is None:
            log.warning("control: there is no group '%s' on this machine; nobody has its role", name)
    return Rights(groups=groups)
