"""Live, exact histograms of neutron and X-ray events from Kafka."""

__version__ = "0.1.0"
