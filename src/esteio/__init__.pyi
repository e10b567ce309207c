from esteio.config import Settings as Settings
from esteio.config import SettingsError as SettingsError
from esteio.store.base import Locked as Locked
from esteio.store.base import NewerDatabase as NewerDatabase
from esteio.store.base import StoreFull as StoreFull
from esteio.vault import VaultError as VaultError
from esteio.vault import WrongKey as WrongKey
