"""PyTorch models: TorchScript and exported programs."""
