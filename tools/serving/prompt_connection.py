"""A connection from Jupyter's server to a page that does not hold back small messages."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """What a slider changes comes in small messages, one after the other.

    By Nagle's algorithm the second waits until the page's machine has acknowledged the first, and
    that may take it 40 ms.
    """

    def connect(self):
        self.websocket_handler.set_nodelay(True)
        return super().connect()
