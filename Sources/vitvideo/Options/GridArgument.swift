import ArgumentParser
import ViT

/// `14x20`, rows before columns.
struct GridArgument: ExpressibleByArgument {
    let value: PatchGrid

    init?(argument: String) {
        let sides = argument.split(omittingEmptySubsequences: false) { $0 == "x" || $0 == "×" }.map {
            Int($0)
        }
        guard sides.count == 2, let rows = sides[0], let columns = sides[1], (1...4096).contains(rows),
            (1...4096).contains(columns)
        else { return nil }
        value = PatchGrid(rows: rows, columns: columns)
    }
}
