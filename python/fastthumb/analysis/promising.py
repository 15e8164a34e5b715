def promising(candidates, duration):
    n=48+int(duration/60)
    order=sorted(range(len(candidates)),key=lambda i:-candidates[i].still.detail)
    return sorted(order[:n])
