"""ComfyUI: workflows on a server of the user."""
