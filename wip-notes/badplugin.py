import histsvc.histograms.hist2d as h

old = h.Hist2d.fill_events


def bad(self, rows, batch):
    old(self, rows[:-1], batch)


h.Hist2d.fill_events = bad
