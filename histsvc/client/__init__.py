"""A client of the protocol: sends commands and awaits their replies, follows histograms and heartbeats."""

from histsvc.client.aio import AsyncClient, AsyncFollowing, AsyncHistogramFollowing
from histsvc.client.client import Client
from histsvc.client.following import Following
from histsvc.client.followings import HistogramFollowing
from histsvc.client.received import Histogram, heartbeat, histogram
from histsvc.client.topic_reader import TopicReader
from histsvc.errors import BrokerError, Code, CommandError, MissingExtraError, SettingsError
from histsvc.protocol.heartbeat import Heartbeat, WorkerLoad, WorkerStatus
from histsvc.protocol.info import HistogramInfo, State
from histsvc.settings import KafkaSettings, Security
from histsvc.wire.histogram import Axis

__all__ = [
    "AsyncClient",
    "AsyncFollowing",
    "AsyncHistogramFollowing",
    "Axis",
    "BrokerError",
    "Client",
    "Code",
    "CommandError",
    "Following",
    "Heartbeat",
    "Histogram",
    "HistogramFollowing",
    "HistogramInfo",
    "KafkaSettings",
    "MissingExtraError",
    "Security",
    "SettingsError",
    "State",
    "TopicReader",
    "WorkerLoad",
    "WorkerStatus",
    "heartbeat",
    "histogram",
]
