FROM python:3.11-slim
WORKDIR /src
COPY constraints.txt pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY emulator emulator
COPY workers workers
COPY targets targets
RUN pip install --no-cache-dir --constraint constraints.txt . \
    && useradd --create-home neo
USER neo
WORKDIR /home/neo
ENTRYPOINT ["neo-emulator"]
CMD ["serve", "--host", "0.0.0.0"]
