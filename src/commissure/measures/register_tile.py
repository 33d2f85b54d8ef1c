"""The one loop in which all of the time is spent, in LLVM's own language.

Numba compiles Python well, but would not keep a tile of sums in the vector registers; written as
LLVM instructions it is kept there, on any processor that LLVM knows: vectors become what the
machine has (pairs of registers on ARM). How large the tile is does not change a product by a bit.
"""

from typing import Any

from llvmlite import ir
from numba import config, float32, types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

# For whom numba compiles.
_FEATURES = get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
# 12 vectors of sums, two of columns and one of rows fill the 16 vector registers of AVX2.
# Measured against 4 x 3 vectors of sums: no slower. AVX-512 has 32 registers, twice as wide; on
# processors that do half of one at a time (Zen 4) both tiles are as fast.
ROWS, VECTOR_BYTES = (12, 64) if "+avx512f" in _FEATURES.split(",") else (6, 32)
VECTORS = 2
TILE_COLUMN_BYTES = VECTORS * VECTOR_BYTES
_TILE = [(i, j) for i in range(ROWS) for j in range(VECTORS)]


@intrinsic
def multiply_tile(
    _context: Any,
    row: Any,
    column: Any,
    row_max: Any,
    column_max: Any,
    sums: Any,
    add: Any,
    last: Any,
) -> Any:
    """Multiply a panel of rows with a panel of columns and compare with the maxima so far.

    Parameters
    ----------
    row : array of shape (k, ROWS)
    column : array of shape (k, width)
        `width` numbers take TILE_COLUMN_BYTES.
    row_max, column_max : arrays of shape (ROWS,) and (width,)
    sums : array of shape (ROWS * width,)
        The tile, if it starts from (`add`) or ends in memory.
    add, last : bool
        Start from `sums` instead of zeros; this is the last product of a sum.

    Returns
    -------
    bool
        Whether any of the tile exceeds its row's or its column's maximum so far. If so, or if this
        is not the last product, the tile is in `sums`.
    """
    signature = types.boolean(row, column, row_max, column_max, sums, add, last)
    return signature, _generate


def _generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kinds = signature.args[:5]
    arrays = [
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(kinds, arguments[:5], strict=True)
    ]
    row, column, row_max, column_max, sums = (array.data for array in arrays)
    n_volumes = cgutils.unpack_tuple(builder, arrays[0].shape)[0]
    add, last = arguments[5:]

    code = _VectorCode(builder, single=kinds[0].dtype == float32)
    offset = {(i, j): code.index((i * VECTORS + j) * code.width) for i, j in _TILE}

    value = code.multiply_panels(row, column, n_volumes, (add, sums, offset))
    exceeds = [
        code.greater(
            code.maximum([value[i, j] for j in range(VECTORS)]), code.spread(row_max, code.index(i))
        )
        for i in range(ROWS)
    ] + [
        code.greater(
            code.maximum([value[i, j] for i in range(ROWS)]),
            code.load(column_max, code.index(j * code.width)),
        )
        for j in range(VECTORS)
    ]
    any_lane = exceeds[0]
    for lanes in exceeds[1:]:
        any_lane = builder.or_(any_lane, lanes)
    bits = ir.IntType(code.width)
    improves = builder.icmp_unsigned("!=", builder.bitcast(any_lane, bits), ir.Constant(bits, 0))
    with builder.if_then(builder.or_(improves, builder.not_(last))):
        for ij in _TILE:
            code.store(value[ij], sums, offset[ij])
    return improves


@intrinsic
def add_above(
    _context: Any,
    row: Any,
    column: Any,
    threshold: Any,
    weighted: Any,
    row_sums: Any,
    column_sums: Any,
) -> Any:
    """Multiply a panel of rows with a panel of columns and add what exceeds a threshold.

    Parameters
    ----------
    row : array of shape (k, ROWS)
    column : array of shape (k, width)
    threshold : array of shape (1,)
    weighted : bool
        Add the values that exceed it, instead of 1 for each.
    row_sums : array of shape (ROWS * lanes,)
        A vector for each row; what is added to a row is the sum of its lanes.
    column_sums : array of shape (width,)
    """
    signature = types.void(row, column, threshold, weighted, row_sums, column_sums)
    return signature, _generate_add_above


def _generate_add_above(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kinds = [kind for n, kind in enumerate(signature.args) if n != 3]
    values = [value for n, value in enumerate(arguments) if n != 3]
    arrays = [
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(kinds, values, strict=True)
    ]
    row, column, threshold, row_sums, column_sums = (array.data for array in arrays)
    n_volumes = cgutils.unpack_tuple(builder, arrays[0].shape)[0]
    code = _VectorCode(builder, single=kinds[0].dtype == float32)
    value = code.multiply_panels(row, column, n_volumes)
    least = code.spread(threshold, code.index(0))
    added = {}
    for ij in _TILE:
        what = builder.select(arguments[3], value[ij], code.one)
        added[ij] = builder.select(code.greater(value[ij], least), what, code.zero)
    for i in range(ROWS):
        code.add_to(row_sums, i, [added[i, j] for j in range(VECTORS)])
    for j in range(VECTORS):
        code.add_to(column_sums, j, [added[i, j] for i in range(ROWS)])
    return context.get_dummy_value()


class _VectorCode:
    """Writes vector instructions of one precision."""

    def __init__(self, builder: Any, *, single: bool) -> None:
        self.builder = builder
        self.bytes = 4 if single else 8
        self.width = VECTOR_BYTES // self.bytes
        self.vector = ir.VectorType(ir.FloatType() if single else ir.DoubleType(), self.width)
        self.zero = ir.Constant(self.vector, [0.0] * self.width)
        self.one = ir.Constant(self.vector, [1.0] * self.width)
        # Fused where the processor can, which halves the instructions.
        self._fmuladd = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(self.vector, [self.vector] * 3),
            f"llvm.fmuladd.v{self.width}f{8 * self.bytes}",
        )

    @staticmethod
    def index(value: int) -> Any:
        return ir.Constant(ir.IntType(64), value)

    def _pointer(self, base: Any, offset: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(base, [offset]), self.vector.as_pointer())

    def load(self, base: Any, offset: Any) -> Any:
        value = self.builder.load(self._pointer(base, offset))
        value.align = self.bytes
        return value

    def store(self, value: Any, base: Any, offset: Any) -> None:
        self.builder.store(value, self._pointer(base, offset)).align = self.bytes

    def spread(self, base: Any, offset: Any) -> Any:
        """Load one number into all lanes."""
        number = self.builder.load(self.builder.gep(base, [offset]))
        lane = ir.IntType(32)
        empty = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(empty, number, ir.Constant(lane, 0))
        zeros = ir.Constant(ir.VectorType(lane, self.width), [0] * self.width)
        return self.builder.shuffle_vector(first, empty, zeros)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        return self.builder.call(self._fmuladd, [a, b, c])

    def greater(self, a: Any, b: Any) -> Any:
        return self.builder.fcmp_ordered(">", a, b)

    def maximum(self, values: list[Any]) -> Any:
        largest = values[0]
        for value in values[1:]:
            largest = self.builder.select(self.greater(value, largest), value, largest)
        return largest

    def add_to(self, sums: Any, number: int, values: list[Any]) -> None:
        """Add vectors to the one at a place in memory."""
        offset = self.index(number * self.width)
        total = values[0]
        for value in values[1:]:
            total = self.builder.fadd(total, value)
        self.store(self.builder.fadd(self.load(sums, offset), total), sums, offset)

    def multiply_panels(
        self, row: Any, column: Any, n_volumes: Any, begin: tuple[Any, Any, Any] | None = None
    ) -> dict[tuple[int, int], Any]:
        """Multiply a panel of rows with one of columns, in registers.

        Parameters
        ----------
        row, column : pointer
        n_volumes : int
        begin : tuple, optional
            Whether to start from a tile in memory, where it is, and its offsets.
        """
        builder = self.builder
        # Variables of the function that LLVM turns into registers.
        total = {ij: cgutils.alloca_once(builder, self.vector) for ij in _TILE}
        if begin is None:
            for ij in _TILE:
                builder.store(self.zero, total[ij])
        else:
            add, sums, offset = begin
            with builder.if_else(add) as (from_memory, from_zero):
                with from_memory:
                    for ij in _TILE:
                        builder.store(self.load(sums, offset[ij]), total[ij])
                with from_zero:
                    for ij in _TILE:
                        builder.store(self.zero, total[ij])
        with cgutils.for_range(builder, n_volumes) as loop:
            column_start = builder.mul(loop.index, self.index(VECTORS * self.width))
            row_start = builder.mul(loop.index, self.index(ROWS))
            columns = [
                self.load(column, builder.add(column_start, self.index(j * self.width)))
                for j in range(VECTORS)
            ]
            for i in range(ROWS):
                one = self.spread(row, builder.add(row_start, self.index(i)))
                for j in range(VECTORS):
                    old = builder.load(total[i, j])
                    builder.store(self.multiply_add(one, columns[j], old), total[i, j])
        return {ij: builder.load(total[ij]) for ij in _TILE}
