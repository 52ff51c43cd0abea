"""Why a mail may not leave now: pure rules over facts that were gathered before."""
