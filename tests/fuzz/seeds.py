#!/usr/bin/python3
"""Seeds for the fuzz targets `data` and `pack`: one small valid file for each
reader.

   seeds.py DIR

writes DIR/data and DIR/pack. The first byte of the former says which reader gets
the rest (tests/fuzz/data.c)."""
import gzip
import io
import json
import os
import struct
import sys

import numpy as np

IDX, NPY, WEIGHTS, CSV, CSV_PLAIN, ANY, RAW_SHAPE, RAW = range(8)


def idx(array, code):
    head = bytes([0, 0, code, array.ndim])
    head += b''.join(struct.pack('>I', n) for n in array.shape)
    return head + array.astype(array.dtype.newbyteorder('>')).tobytes()


def npy(array):
    f = io.BytesIO()
    np.save(f, array)
    return f.getvalue()


def weights():
    header = {'a': {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [0, 24]},
              'b': {'dtype': 'I64', 'shape': [], 'data_offsets': [24, 32]},
              '__metadata__': {'format': 'pt'}}
    text = json.dumps(header).encode()
    return struct.pack('<Q', len(text)) + text + bytes(range(32))


def seeds():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    reals = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    yield 'idx_u8', IDX, idx(pixels, 8)
    yield 'idx_f32', IDX, idx(reals, 13)
    yield 'npy_f32', NPY, npy(reals)
    yield 'npy_fortran', NPY, npy(np.asfortranarray(reals))
    yield 'npy_big_endian', NPY, npy(reals.astype('>f8'))
    yield 'npy_scalar', NPY, npy(np.int64(7))
    yield 'weights', WEIGHTS, weights()
    yield 'csv', CSV, b'a,b,label\n1,2.5,0\n-3e2,4,1\n'
    yield 'csv_tabs', CSV_PLAIN, b'1\t2\r\n"3"\t nan\r\n'
    yield 'csv_bare', CSV, b'1;2;3\n4;5;6'
    yield 'any_idx_gz', ANY, gzip.compress(idx(pixels, 8), mtime=0)
    yield 'raw_shape', RAW_SHAPE, reals[:2].tobytes() + bytes(16)
    yield 'raw', RAW, bytes(range(10))


def save(folder, name, data):
    path = os.path.join(sys.argv[1], folder)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, name), 'wb') as f:
        f.write(data)


for name, reader, data in seeds():
    save('data', name, bytes([reader]) + data)
save('pack', 'plain', b'id,lower,upper,size\nb1,0,3,4\nb2,2,5,8\n')
save('pack', 'aligned', b'id,lower,upper,size,alignment,offset,note\n'
     b'b1,0,3,4,16,0,"x,y"\nb2,2,5,8,1,,\r\nb3,-4,9,8,64,3,z')
