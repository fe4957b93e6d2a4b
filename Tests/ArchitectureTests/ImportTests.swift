import Fixtures
import Foundation
import Testing

/// The modules import what the map in CONTRIBUTING.md allows, and nothing else.
@Suite struct ImportTests {
    /// What every module may use.
    private static let system: Set = ["FoundationEssentials", "Glibc", "Synchronization"]

    /// A row of the map.
    struct Row {
        let module: String
        let imports: Set<String>
    }

    /// The rows of the table under "The map": `| `Module` | `Import`, `Import` | … |`.
    static func map(_ text: String) -> [Row] {
        text.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map(names(in:))
            guard line.hasPrefix("| `"), cells.count == 5, cells[1].count == 1 else { return nil }
            return Row(module: cells[1][0], imports: Set(cells[2]))
        }
    }

    /// The words in backquotes.
    private static func names(in cell: Substring) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }

    /// The modules that a source file imports: `import A`, `@testable import A`, `import struct A.B`.
    static func imports(of source: String) -> Set<String> {
        Set(
            source.split(separator: "\n").compactMap { line in
                var words = line.split(separator: " ")
                while words.first?.hasPrefix("@") == true { words.removeFirst() }
                guard words.first == "import", words.count > 1 else { return nil }
                let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
                let name = kinds.contains(String(words[1])) && words.count > 2 ? words[2] : words[1]
                return name.split(separator: ".").first.map(String.init)
            })
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: Fixtures.packageRoot.appendingPathComponent(path), encoding: .utf8)
    }

    private static var sources: URL { Fixtures.packageRoot.appendingPathComponent("Sources") }

    private static func swiftFiles(of module: String) -> [URL] {
        let folder = sources.appendingPathComponent(module)
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return (files?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "swift" }
    }

    @Test func everyModuleIsOnTheMapAndImportsOnlyThoseAboveIt() throws {
        let rows = Self.map(try Self.text("CONTRIBUTING.md"))
        let modules = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path)
        #expect(Set(rows.map(\.module)) == Set(modules))
        #expect(rows.count == modules.count)
        var above: Set<String> = ["ArgumentParser"]
        for row in rows {
            #expect(row.imports.isSubset(of: above), "\(row.module) imports what does not stand above it")
            above.insert(row.module)
        }
    }

    @Test func modulesImportWhatTheMapAllows() throws {
        var files = 0
        for row in Self.map(try Self.text("CONTRIBUTING.md")) {
            var used: Set<String> = []
            for file in Self.swiftFiles(of: row.module) {
                let imports = Self.imports(of: try String(contentsOf: file, encoding: .utf8))
                let forbidden = imports.subtracting(row.imports).subtracting(Self.system)
                #expect(forbidden.isEmpty, "\(file.path) imports \(forbidden.sorted())")
                used.formUnion(imports)
                files += 1
            }
            // A permission that nobody uses is one too many.
            #expect(row.imports.isSubset(of: used), "\(row.module) does not import all that it may")
        }
        #expect(files > 200)
    }

    /// Each C library has one door.
    @Test func oneModuleTouchesEachCLibrary() throws {
        let rows = Self.map(try Self.text("CONTRIBUTING.md"))
        let doors = rows.filter { $0.module.hasPrefix("C") && Self.swiftFiles(of: $0.module).isEmpty }
        #expect(doors.count >= 8)
        for door in doors where door.module != "CKernels" {
            let users = rows.filter { $0.imports.contains(door.module) }.map(\.module)
            #expect(users.count == 1, "\(door.module) is imported by \(users)")
        }
    }

    @Test func importsAreRead() {
        let source = """
            import Base
            @testable import ViT
            import struct Synchronization.Atomic
            /// import Nothing
            let important = 1
            """
        #expect(Self.imports(of: source) == ["Base", "ViT", "Synchronization"])
        let rows = Self.map(
            "| `A` | – | nothing |\n| `B` | `A`, `C` | `D` is not one |\n| module | imports | x |")
        #expect(rows.map(\.module) == ["A", "B"] && rows[1].imports == ["A", "C"])
    }
}
