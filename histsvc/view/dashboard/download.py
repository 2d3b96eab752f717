"""Pictures as files: a NeXus file of the newest counts of a histogram, for whoever may see the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bokeh.server.views.auth_request_handler import AuthRequestHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError

from histsvc.files import file_name, layout, writer
from histsvc.view.dashboard.feed import Seen

PATH = "file"


class Download(AuthRequestHandler):
    """``GET /file?id=…``."""

    def initialize(self, seen: Callable[[], Mapping[str, Seen]]) -> None:
        """`seen` tells the newest of all histograms by their ids."""
        self._seen = seen

    async def get(self) -> None:
        """Send the file, which is made beside everything else that the server does."""
        if self.current_user is None:
            raise HTTPError(403)
        found = self._seen().get(self.get_argument("id"))
        if found is None:
            raise HTTPError(404)
        histogram = found.histogram
        name = file_name(histogram)
        self.set_header("Content-Type", "application/x-hdf5")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        described = layout.root(histogram, name)
        self.write(bytes(await IOLoop.current().run_in_executor(None, writer.content, described)))
