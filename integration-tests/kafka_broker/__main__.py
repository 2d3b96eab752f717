"""Fetches what the broker needs: `python -m kafka_broker`, with integration-tests on PYTHONPATH."""

import sys

from kafka_broker.errors import BrokerError
from kafka_broker.jars import fetch_jars

try:
    fetch_jars()
except BrokerError as error:
    sys.exit(str(error))
