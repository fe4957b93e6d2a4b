import Fixtures
import Foundation
import Methods
import Testing

/// README's table of methods says what the methods say of themselves.
@Suite struct ReadmeTests {
    private static func row(of method: Method) -> String {
        let options = method.options.map { "`--\($0.option.name)`" }.joined(separator: ", ")
        // Arrays of one shape stand together.
        var arrays: [(names: [String], description: ArrayDescription)] = []
        for array in method.arrays {
            if let last = arrays.indices.last, arrays[last].description.axes == array.axes,
                arrays[last].description.element == array.element, arrays[last].description.note == array.note
            {
                arrays[last].names.append("`\(array.name)`")
            } else {
                arrays.append((["`\(array.name)`"], array))
            }
        }
        let texts = arrays.map { names, array in
            names.joined(separator: ", ") + (array.element == .float32 ? "" : " \(array.element.rawValue)")
                + " \(array.shape)" + (array.note.map { ", \($0)" } ?? "")
        }
        return "| `\(method.name)` | \(options.isEmpty ? "–" : options) | \(texts.joined(separator: ", ")) |"
    }

    @Test func theTableOfMethodsIsTheRegistrys() throws {
        let readme = try String(
            contentsOf: Fixtures.packageRoot.appendingPathComponent("README.md"), encoding: .utf8)
        let lines = readme.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let head = try #require(lines.firstIndex(of: "| method | options | export, float32 |"))
        let table = lines[(head + 2)...].prefix { $0.hasPrefix("|") }
        #expect(Array(table) == MethodRegistry.standard.methods.map(Self.row))
    }
}
