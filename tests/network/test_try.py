import sys; sys.path.insert(0,'/work/main')
def test_x(server):
    print("ok")
