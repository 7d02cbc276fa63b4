"""What lies where in a workspace, who may write there, and what an earlier run left behind."""
