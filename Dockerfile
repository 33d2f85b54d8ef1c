# commissure as a BIDS App: docker run ... commissure run /bids /out all
# All that it needs comes from the base image and from PyPI.
FROM python:3.12-slim

COPY . /source
RUN pip install --no-cache-dir "/source[dask]" && rm -r /source

RUN useradd --create-home commissure
USER commissure
WORKDIR /home/commissure

# `docker run --user` may name someone who has no home here to keep settings in.
ENV MPLCONFIGDIR=/tmp/matplotlib
ENTRYPOINT ["commissure"]
CMD ["--help"]
