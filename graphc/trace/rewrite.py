"""temporary"""
def prepare(target):
    return target.original
