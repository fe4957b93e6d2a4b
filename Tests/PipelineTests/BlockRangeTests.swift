import Base
import Methods
import Testing

@Suite struct BlockRangeTests {
    @Test(arguments: [
        ("3:7", 3..<7), ("9:", 9..<12), (":4", 0..<4), (":", 0..<12), ("-3:", 9..<12), ("-3:-1", 9..<11),
        (":-11", 0..<1), ("-12:12", 0..<12), ("11:12", 11..<12), (" 2 : 5 ", 2..<5), ("0", 0..<1),
        ("11", 11..<12), ("-1", 11..<12), ("-12", 0..<1),
    ])
    func everyForm(text: String, blocks: Range<Int>) throws {
        let range = try BlockRange(parsing: text)
        #expect(try range.indices(depth: 12) == blocks)
        #expect(try BlockRange(parsing: range.description) == range)
    }

    @Test func theyAreWrittenShortly() throws {
        for text in ["3:7", "9:", ":4", ":", "-3:-1", "-1"] {
            #expect(try BlockRange(parsing: text).description == text)
        }
        #expect(try BlockRange(parsing: " +2: 05").description == "2:5")
    }

    @Test(arguments: ["", " ", "a", "1:b", "1:2:3", "::", "1-3", "1,2", "1.5:", "99999999999999999999:"])
    func whatNamesNoBlocks(text: String) {
        let error = #expect(throws: VitvideoError.self) { try BlockRange(parsing: text) }
        #expect(error?.kind == .usage)
        #expect(error?.description.hasPrefix("'\(text)' names no layers; write A:B") == true)
    }

    @Test(arguments: [
        ("12", "there is no layer 12: the model has layers 0 to 11"),
        ("-13", "there is no layer -13: "),
        ("13:", "there is no layer 13: "),
        ("0:13", "there is no layer 13: "),
        ("-13:2", "there is no layer -13: "),
        ("5:5", "there is no layer in '5:5': of the layers 0 to 11 it begins at 5 and ends before 5"),
        ("-2:3", "there is no layer in '-2:3': of the layers 0 to 11 it begins at 10 and ends before 3"),
        ("12:", "there is no layer in '12:': of the layers 0 to 11 it begins at 12 and ends before 12"),
        (":-12", "there is no layer in ':-12': "),
    ])
    func whatAModelDoesNotHave(text: String, line: String) throws {
        let range = try BlockRange(parsing: text)
        let error = #expect(throws: VitvideoError.self) { try range.indices(depth: 12) }
        #expect(error?.kind == .usage)
        #expect(error?.description.hasPrefix(line) == true)
    }

    @Test func theLastOfAShortModelAreAll() {
        #expect(BlockRange.last(3, of: 12) == 9..<12)
        #expect(BlockRange.last(3, of: 2) == 0..<2)
    }
}
