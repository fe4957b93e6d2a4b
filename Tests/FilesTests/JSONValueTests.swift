import Base
import Fixtures
import Foundation
import Testing

@testable import Files

@Suite struct JSONValueTests {
    private func value(_ text: String) throws -> JSONValue {
        try Array(text.utf8).withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            let value = try scanner.value()
            try scanner.end()
            return value
        }
    }

    @Test func everyKindIsRead() throws {
        let value = try value(#" {"a": [1, -2.5e1, true, false, null, "x\né"], "b": {}, "c": null} "#)
        let list = try #require(value["a"]?.array)
        #expect(list[0].integer == 1 && list[1].number == -25 && list[1].integer == -25)
        #expect(list[2].bool == true && list[3].bool == false && list[4].string == nil)
        #expect(list[5].string == "x\né" && list.count == 6)
        #expect(value["b"]?.members?.isEmpty == true && value["c"] == nil && value["d"] == nil)
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let text = #"{"b":[1,-2.5,1e+300,true,false,null,{}],"a":"x\"\\\u0001é🦊/","":[]}"#
        #expect(try value(text).json == text)
        #expect(JSONValue.integer(1 << 53).json == "9007199254740992")
        #expect(JSONValue.array([.number(.nan), .number(-.infinity), .number(-0.0)]).json == "[null,null,0]")
    }

    /// Names that Swift takes for equal, and a reader of JSON does not.
    @Test func namesAreToldApartByTheirCodePoints() throws {
        let members = try #require(try value("{\"\u{e9}\": 1, \"e\u{301}\": 2}").members)
        #expect(members.map { $0.name.unicodeScalars.count } == [1, 2])
        #expect(members.map { $0.value.integer } == [1, 2])
    }

    @Test(arguments: ["", "{", "[1,", "[1 2]", "{\"a\"}", "nul", "1.2.3", "1e999", "[1] 2", "\"a"])
    func brokenTextIsRefused(_ text: String) throws {
        #expect(throws: VitvideoError.self) { try value(text) }
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try value(nested(64))
        #expect(throws: VitvideoError.self) { try value(nested(65)) }
    }
}
