"""For the scripts that hold figures against one another: what is expected of them."""
wrong = []


def expect(truth, what):
    if not truth:
        wrong.append(what)
        print('FAIL:', what)
